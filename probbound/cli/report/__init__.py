"""`probbound report`: what a sweep found, as a page to look at and a page of Markdown."""
