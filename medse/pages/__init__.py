"""What the HTML pages of medse share: templates, figures, numbers."""
