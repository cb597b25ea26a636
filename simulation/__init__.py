"""The real workflow code tried in virtual time, one seed a life. Production imports none of it."""
