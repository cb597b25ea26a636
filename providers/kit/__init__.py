"""What every adaptor needs and none has for itself. Nothing here knows of a provider."""
