using System.Buffers;
using Metering.Client.Keys;
using Metering.Core.Keys;
using Metering.Events;

namespace Metering.Client.Tests.Keys;

public sealed class KeyRecordsTests
{
    [Fact]
    public void FromRecord_of_what_was_written_and_read_is_the_same()
    {
        var key = new ApiKey { Id = "k_1", Tenant = "acme", SecretHashes = [SecretHash.Of("a").ToHex(), SecretHash.Of("b").ToHex()], Models = ["m"], IsBlocked = true, ExpiresAtMicros = 5, ChangedAtMicros = 6 };
        foreach (var one in new[] { key, key with { Models = [], IsBlocked = false, ExpiresAtMicros = null } })
        {
            var output = new ArrayBufferWriter<byte>();
            WireFormat.Write(output, 1, KeyRecords.ToRecord(one));
            var record = new GatewayKey();
            Assert.Equal(DecodeError.None, GatewayKey.TryRead(output.WrittenSpan[WireFormat.HeaderBytes..], new StringPool(), record, out _));
            Assert.Equivalent(one, KeyRecords.FromRecord(record), strict: true);
        }
    }
}
