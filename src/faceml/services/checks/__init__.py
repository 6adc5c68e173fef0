"""What `faceml doctor` looks at, one check a function: each answers with findings, and changes nothing.

packages  what is installed      models  weights, licence, where they run
stores    database, index, Redis, MLflow      place  folder, disk, settings
"""
