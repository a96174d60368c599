"""The studio: a page on localhost to write a theory and watch the network answer.

`draft` reads the text, `measure` computes kernels and scores in the processes of `worker`,
`studio` joins them, and `page` and `server` show them. Only the last two know the web framework.
"""
