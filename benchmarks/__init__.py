"""What `make bench` runs. It prints figures and ratios; nothing here passes or fails."""
