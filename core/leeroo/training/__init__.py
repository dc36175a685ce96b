"""What outcomes teach: the encoder, the response model, traits of new experts, online learning, promotion."""
