"""The studio: a page on localhost to write a theory and watch the network answer.

`draft` reads the text, and `completion` its keys and words at a cursor. `kinds` has a row for each
kind of input: its views, and the module that computes them in the processes of `worker`. `studio`
joins them, and `page` and `server` show them; only these, `sliders`, `completions`, `shared_text`
and `upload` know the web framework.
"""
