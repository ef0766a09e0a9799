"""The host commands, one small module per family.

A handler takes the device's keys and a cursor over the command's fields, reads all fields, calls `finish`, and
gives what follows the response code: an error code and its data. Errors without data are raised as RefusedError.
`table` lists all commands; a new family is a module and its rows there.
"""
