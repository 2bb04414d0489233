"""Sessions and what they own: uploads, the chosen set, removed items. Ids only, never models. Imports: wording, show."""
