VERSION = "v001"
HEADLINE = "Apples of the week"
