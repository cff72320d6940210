"""Chapter 05: sparse autoencoders: what one computes, how it is trained and measured, what its features mean and do."""
