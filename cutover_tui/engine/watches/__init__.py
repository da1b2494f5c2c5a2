"""What runs beside a session on the probe loop: one watch a guest, reference, KDC or directory."""
