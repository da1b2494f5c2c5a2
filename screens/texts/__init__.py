"""What the screens say: pure functions from the port's views to text and chart data."""
