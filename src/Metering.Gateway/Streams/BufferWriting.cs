using System.Buffers;

namespace Metering.Gateway.Streams;

internal static class BufferWriting
{
    // Below what Kestrel's pool hands out at once.
    private const int PieceBytes = 2048;

    /// <summary>Copies bytes, asking for the room that they need: without a hint Kestrel's writer may offer none, which the
    /// framework's own Write takes for an error.</summary>
    public static void Put(this IBufferWriter<byte> to, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var piece = Math.Min(bytes.Length, PieceBytes);
            var room = to.GetSpan(piece);
            piece = Math.Min(bytes.Length, room.Length);
            bytes[..piece].CopyTo(room);
            to.Advance(piece);
            bytes = bytes[piece..];
        }
    }
}
