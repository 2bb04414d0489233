"""Who owns what: sessions, uploads, the chosen set, removal. Ids only, never models. Imports: wording, show."""
