"""From a decision to the page that people see: HTML, languages, and how a site dresses it."""
