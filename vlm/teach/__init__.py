"""Making data: pictures and what is said of them."""
