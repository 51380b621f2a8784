"""The web pages: the same data and templates, served by `app` or written to a folder by `export`.

source.py      which runs there are: those of the working tree, kept in memory
table.py       all runs as compact columns, for the page that lists and compares them
curves.py      logged values, thinned so that extremes stay visible
runpage.py     one run, as its template shows it
previews.py    one artifact, as a page of its own
pages.py       templates, and the links between pages
app.py         requests and answers
"""
