using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Metering.Client.Spool;

namespace Metering.Client.Sending;

/// <summary>
/// The schemas that the spool's payloads were written with, one file each beside the segments. An upgrade of this library
/// may find events of an older schema in the spool: they go out under that schema's id, not under today's.
/// </summary>
internal static class PayloadSchemas
{
    public static ulong Fingerprint(string schema) => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(schema)));

    /// <summary>Keeps a schema, durably, before anything is written with it.</summary>
    public static ulong Keep(string folder, string schema)
    {
        var fingerprint = Fingerprint(schema);
        var path = PathOf(folder, fingerprint);
        if (!File.Exists(path))
            DurableFile.Replace(path, Encoding.UTF8.GetBytes(schema));
        return fingerprint;
    }

    /// <exception cref="InvalidDataException">The file is missing or not what was written.</exception>
    public static string Load(string folder, ulong fingerprint)
    {
        var path = PathOf(folder, fingerprint);
        var schema = File.Exists(path) ? File.ReadAllText(path) : throw new InvalidDataException($"{path} is missing: it names the schema of spooled events");
        return Fingerprint(schema) == fingerprint ? schema : throw new InvalidDataException($"{path} is damaged: it names the schema of spooled events");
    }

    private static string PathOf(string folder, ulong fingerprint) =>
        Path.Combine(folder, "schema-" + fingerprint.ToString("x16", CultureInfo.InvariantCulture) + ".avsc");
}
