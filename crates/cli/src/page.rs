//! One HTML page that needs nothing else: no network, no other files.
