"""The drawings: functions that yield the shapes of a cover in given colours, from back to front.

What matters is near the middle: pages cut the sides or the top and bottom off. No letters, no people.
"""
