"""Harnesses that die: what `python -m benchmarks kill` is made of.

cases      which drill dies of what, and when: all of it follows from a seed and a number
plugin     in the harness: tells where its drill is, dies when it is told to
harness    `pytest drills/` with one drill, from outside
deaths     how each death is brought about
confined   a state folder that can be filled, a memory that can be used up
lane       a process with a lab of its own, which plays one case after another
trial      one case from its beginning to the look at what it has left
told       the table and the figures
"""
