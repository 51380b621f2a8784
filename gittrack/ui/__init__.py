"""The web pages: the same data and templates, served by `app` or written to a folder by `export`.

    source.py       which runs there are: those of the disk, followed, or of a revision
    table.py        all runs as compact columns, for the pages that list and compare them
    curves.py       logged values, thinned so that extremes stay visible
    data.py         all that scripts ask for, as JSON
    runpage.py, modelpage.py, artifactview.py
                    what the templates show of a run, a registered model, an artifact
    pages.py        the templates, and the links between pages
    guard.py        who may ask, and who may edit
    app.py, answers.py, server.py
                    requests, answers, and the server around them

Templates and scripts lie in `templates/` and `static/`; what is text stays text in both.
"""
