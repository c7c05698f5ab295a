"""HTTP and URLs as every server and browser reads them; nothing here knows of escapes."""
