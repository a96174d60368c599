"""The page of a theory of tokens: report.html, and its pictures beside score.json."""
