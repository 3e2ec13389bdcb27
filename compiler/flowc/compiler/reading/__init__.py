"""From text to a definition whose every part knows its line."""
