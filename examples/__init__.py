"""Programs written with Stanchion, using nothing but its public API."""
