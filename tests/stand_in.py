"""A small chapter to build and grade, so that these tests speak of the build and not of a chapter's content."""

STAND_IN = '''# %% [markdown]
# # A stand-in

# %%
import math

# %% tags=["active-ipynb"]
# for n in range(3):
#     print(n, math.sqrt(n))

# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(x: int) -> int:
    """Twice x."""
    ### BEGIN SOLUTION
    the_answer = 2 * x
    return the_answer
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_double", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# 2.0 if double(3) == 6 else 0.0

# %% nbgrader={"grade": false, "grade_id": "larger_root", "locked": false, "schema_version": 3, "solution": true, "task": false}
def larger_root(b: float, c: float) -> float:
    """The larger root of x² + b·x + c; nan where there is none."""
    ### BEGIN SOLUTION
    discriminant = b * b - 4 * c
    return (math.sqrt(discriminant) - b) / 2 if discriminant >= 0 else math.nan
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_larger_root", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# 1.0 * (larger_root(0, -4) == 2) + 1.0 * (larger_root(-3, 2) == 2) + 1.0 * math.isnan(larger_root(0, 1))

# %% nbgrader={"grade": false, "grade_id": "square", "locked": false, "schema_version": 3, "solution": true, "task": false}
def square(x: int) -> int:
    """x times x."""
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_square", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# 4.0 if square(-3) == 9 else 0.0

# %% [markdown] nbgrader={"grade": true, "grade_id": "in_words", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point for each reason.
# ### END SOLUTION
'''
