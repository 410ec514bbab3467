"""What the commands print: documented, versioned JSON (docs/json.md), tables for people, CSV. A file a subject."""
