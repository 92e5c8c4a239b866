"""`halyard.link.v1.LinkService`: workstations at their door, and apps at theirs for whoever debugs with gRPC tools."""

import grpc

from halyard.link.v1 import link_service_pb2
from relay import app_link, workstation_link
from relay.app_link import farewell
from relay.grpc_door import Context, GrpcPeer, stream_handler, token
from relay.link import PeerGone
from relay.services import Services
from wire.errors import HalyardError

NAME: str = link_service_pb2.DESCRIPTOR.services_by_name["LinkService"].full_name


class LinkService:
    """Both streams, over raw frames."""

    def __init__(self, services: Services, *, behind_proxy: bool) -> None:
        self._services = services
        self._behind_proxy = behind_proxy

    def handler(self) -> grpc.GenericRpcHandler:
        """What the server is given."""
        streams = {
            "AttachWorkstation": stream_handler(self._attach_workstation),
            "AttachApp": stream_handler(self._attach_app),
        }
        return grpc.method_handlers_generic_handler(NAME, streams)

    async def _attach_workstation(self, context: Context) -> None:
        peer = GrpcPeer(context, behind_proxy=self._behind_proxy)
        try:
            device_id = self._services.tokens.admit(token(context), is_local=peer.is_local).device_id
            error = await workstation_link.serve(peer, device_id, self._services)
        except HalyardError:
            self._services.metrics.links_refused += 1
            raise
        if error is not None:
            raise error

    async def _attach_app(self, context: Context) -> None:
        peer = GrpcPeer(context, behind_proxy=self._behind_proxy)
        try:
            error = await app_link.serve(peer, self._services)
        except HalyardError as refusal:
            self._services.metrics.links_refused += 1
            error = refusal
        if error is None:
            return
        try:
            await peer.send(farewell(error, self._services.now()))
        except PeerGone:
            return
        raise error
