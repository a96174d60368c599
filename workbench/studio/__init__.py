"""The studio: a page on localhost to write a theory and watch the network answer.

`draft` reads the text, `measure` computes kernels and scores in the processes of `worker`,
`studio` joins them, and `page`, `upload` and `server` show them. Only these three know the web
framework.
"""
