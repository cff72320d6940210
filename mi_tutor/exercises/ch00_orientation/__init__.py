"""Chapter 00: reading a model's predictions, what heads write, where they look, and switching one off."""
