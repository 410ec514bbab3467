"""The whole way on three assignments, played with a class of students: `make demo`.

scratch.py     the folder it happens in, a course of its own
register.py    who is in the class
classroom.py   what each of them hands in, and what that deserves
answers.py     what goes into the cells of one exercise
desk.py        a student's desk: fetch, edit, submit, through nbgrader's own exchange
play.py        the steps, from the source text to the report
results.py     what the gradebook says afterwards
verdict.py     whether each student got what they deserve
show.py        the table at the end
"""
