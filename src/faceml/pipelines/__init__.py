"""Pipelines: ordered notebooks with parameters, run unattended and recorded.

definition  a YAML file becomes frozen records, or an error that names the line (yaml_file, references, cron)
locate      where pipelines' files lie
runner      runs the steps, hands results on, keeps what is needed to resume
execution   one notebook in a kernel of its own; notebooks reads its file; results is what it found
history     the records of runs, and the lock for one at a time; run_log keeps them, and MLflow's, in step
report      a run as a page, and for a webhook
schedule    runs what is due, by cron lines
"""
