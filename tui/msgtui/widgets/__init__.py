"""The widgets, one in each file. They show what they are given and post messages; screens decide."""
