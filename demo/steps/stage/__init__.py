"""The stage: the first screen of the page, with everything the flip takes. The six steps below it show the same in detail."""
