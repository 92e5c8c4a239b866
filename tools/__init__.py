"""Programs that build, check and prepare this repository. Nothing here is imported by what ships."""
