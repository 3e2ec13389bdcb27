"""The node types that flowc brings along."""

from flowc.nodes.ai.agent import Agent
from flowc.nodes.ai.classify import Classify
from flowc.nodes.ai.guard import Guard
from flowc.nodes.ai.image import Image
from flowc.nodes.ai.llm import Llm
from flowc.nodes.ai.speech import Speech
from flowc.nodes.ai.transcribe import Transcribe
from flowc.nodes.data.code import Code
from flowc.nodes.data.template import Template
from flowc.nodes.data.transform import Transform
from flowc.nodes.documents.chunk import Chunk
from flowc.nodes.documents.embed import Embed
from flowc.nodes.documents.ingest import Ingest
from flowc.nodes.documents.ocr import Ocr
from flowc.nodes.documents.ocr_switch import OcrSwitch
from flowc.nodes.documents.rag_switch import RagSwitch
from flowc.nodes.documents.read_file import ReadFile
from flowc.nodes.documents.retrieve import Retrieve
from flowc.nodes.documents.store import Store
from flowc.nodes.flow.conditional import Conditional
from flowc.nodes.flow.end import End
from flowc.nodes.flow.fail import Fail
from flowc.nodes.flow.loop import Loop
from flowc.nodes.flow.map import Map
from flowc.nodes.flow.merge import Merge
from flowc.nodes.flow.respond import Respond
from flowc.nodes.flow.set import Set
from flowc.nodes.flow.start import Start
from flowc.nodes.flow.subworkflow import Subworkflow
from flowc.nodes.flow.switch import Switch
from flowc.nodes.flow.try_node import Try
from flowc.nodes.flow.wait import Wait
from flowc.nodes.outside.connector import Connector
from flowc.nodes.outside.emit import Emit
from flowc.nodes.outside.http import Http
from flowc.nodes.outside.mcp import Mcp
from flowc.nodes.people.human import Human

NODE_TYPES = (
    Start,
    End,
    Conditional,
    Switch,
    Merge,
    Loop,
    Map,
    Try,
    Subworkflow,
    Set,
    Wait,
    Fail,
    Respond,
    Llm,
    Classify,
    Agent,
    Guard,
    Image,
    Speech,
    Transcribe,
    Transform,
    Template,
    Code,
    Http,
    Connector,
    Mcp,
    Emit,
    Human,
    ReadFile,
    Chunk,
    Embed,
    Store,
    Retrieve,
    RagSwitch,
    Ingest,
    Ocr,
    OcrSwitch,
)
