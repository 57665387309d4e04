"""Rules: from YAML with every check, to closures over known facts, to answers that explain themselves.

model, conditions   what a rule is; its conditions written down and put into words
yamltree, schema, condition_reader
                    files with places; the form of every file of a rule folder
load                a folder to a RuleSet, from the sources or the compiled form
evaluate            a RuleSet over the facts of an incident: three-valued, scored, traced
knowledge           what is known about a cause, for people
timeouts            the table of known idle limits
docs, explain       the generated reference, and the same for one topic on the command line
"""
