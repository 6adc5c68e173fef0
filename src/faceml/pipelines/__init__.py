"""Pipelines: ordered notebooks with parameters, run unattended and recorded.

definition  a YAML file becomes frozen records, or an error that names the line
runner      executes the steps, hands results on, keeps what is needed to resume
results     how a notebook tells the pipeline what it found
history     the records of runs, and where they are stored
report      a run as a page; webhook tells others of it
schedule    runs what is due, by cron lines
"""
