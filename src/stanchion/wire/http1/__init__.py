"""HTTP/1.1 (RFC 9112) on httptools: strict where llhttp is lenient, bounded everywhere."""
