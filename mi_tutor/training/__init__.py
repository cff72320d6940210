"""How the bundled models came about: loops, what they read and what they ship; toy models that a chapter trains."""
