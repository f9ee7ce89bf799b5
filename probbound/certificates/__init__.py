"""From a question to a certificate, its file, its seed and its page."""
