using System.Security.Cryptography;

namespace Metering.Kafka.Snapshots;

/// <summary>
/// The changelog's entry that a commit writes beside the state when a snapshot of that state is taken: a random id, under a
/// key of its own. Where the changelog still holds a file's id, at the offset that the file names, there the changelog is the
/// one that the file was taken from, and what lies before it is in the file. Compaction keeps the newest mark only.
/// </summary>
internal static class SnapshotMark
{
    public const int Bytes = 16;

    /// <summary>Reserved: no processor may save state under it.</summary>
    public static ReadOnlySpan<byte> Key => "snapshot"u8;

    public static byte[] NewId() => RandomNumberGenerator.GetBytes(Bytes);
}
