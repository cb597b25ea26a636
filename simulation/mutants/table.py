"""All damages. Each takes one guard away, or turns one transition round."""

from __future__ import annotations

from simulation.mutants import (
    acting,
    amending,
    crediting,
    deciding,
    doubt,
    late,
    orders,
    register,
    two_people,
    updating,
)

MUTANTS = (
    *doubt.MUTANTS,
    *acting.MUTANTS,
    *deciding.MUTANTS,
    *orders.MUTANTS,
    *register.MUTANTS,
    *two_people.MUTANTS,
    *crediting.MUTANTS,
    *updating.MUTANTS,
    *amending.MUTANTS,
    *late.MUTANTS,
)
