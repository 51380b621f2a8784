"""Bringing in what people have from elsewhere, and taking out what is here."""
