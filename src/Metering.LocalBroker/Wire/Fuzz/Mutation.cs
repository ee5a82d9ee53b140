using System.Buffers.Binary;

namespace Metering.LocalBroker.Wire.Fuzz;

/// <summary>Spoils a valid frame: bits, lengths, its end, parts twice.</summary>
internal static class Mutation
{
    private static readonly int[] Lengths = [-1, -2, int.MaxValue, int.MinValue, 0, 1, 0x7FFF, 0xFFFF, 100_000_000, 500_001];

    public static byte[] Apply(byte[] frame, Random random)
    {
        for (var times = random.Next(1, 4); times > 0; times--)
            frame = Once(frame, random);
        return frame;
    }

    private static byte[] Once(byte[] frame, Random random)
    {
        if (frame.Length == 0)
            return [0];
        // Mostly behind the key and the version: a call that is not found tests little.
        var at = random.Next(random.Next(10) == 0 ? 0 : Math.Min(8, frame.Length - 1), frame.Length);
        switch (random.Next(6))
        {
            case 0:
                frame[at] ^= (byte)(1 << random.Next(8));
                return frame;
            case 1:
                frame[at] = (byte)random.Next(256);
                return frame;
            case 2 when frame.Length - at >= 4:
                BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(at), Lengths[random.Next(Lengths.Length)]);
                return frame;
            case 3:
                return frame[..at];
            case 4:
                return [.. frame, .. frame.AsSpan(at)];
            default:
                var more = new byte[random.Next(64)];
                random.NextBytes(more);
                return [.. frame.AsSpan(0, at), .. more, .. frame.AsSpan(at)];
        }
    }
}
