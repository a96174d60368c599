"""Find what heads and neurons of a transformer do, from behaviour: no weight is read."""

from workbench.sequences.survey.families import FAMILIES, Survey, dump_token_circuit, survey
from workbench.sequences.survey.heads import HeadRow, survey_heads
from workbench.sequences.survey.neurons import NeuronSurvey, survey_neurons

__all__ = [
    "FAMILIES",
    "HeadRow",
    "NeuronSurvey",
    "Survey",
    "dump_token_circuit",
    "survey",
    "survey_heads",
    "survey_neurons",
]
