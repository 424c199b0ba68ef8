"""Documentation, and the program that renews its generated parts."""
