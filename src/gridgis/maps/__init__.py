"""What a map says, before anybody draws it: themes, classes, colours and words, and their packed form."""
