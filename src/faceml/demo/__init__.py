"""The demo library: photos with known people, made from pictures that the installed packages ship."""
