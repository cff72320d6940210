"""Chapter 03: induction heads found by behaviour, weights and causes, built by hand in two ways, watched as they form."""
