"""Samplers of clocks: guests over a kept channel, NTP, HTTPS Date."""
