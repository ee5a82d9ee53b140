namespace Metering.Events;

/// <summary>An array, or a map whose keys go before its values. Blocks with a size are read and written as plain ones.</summary>
/// <param name="item">How items, or values, become the reader's.</param>
/// <param name="hasKeys">True for a map.</param>
/// <param name="minimumItemBytes">What an item takes at least in the writer's form, with its key.</param>
internal sealed class CollectionStep(Step item, bool hasKeys, int minimumItemBytes) : Step
{
    public override bool IsIdentity => item.IsIdentity;

    public override int Run(ref Transcoder transcoder, int position)
    {
        while (true)
        {
            position = transcoder.Reader.ReadBlockSlow(position, minimumItemBytes, out var count, out var end);
            if (position < 0)
                return position;
            if (count == 0 && end < 0)
                return transcoder.WriteLong(0, position);
            if (minimumItemBytes == 0 && !transcoder.TryTakeEmptyItems(count))
                return AvroReader.Fail(DecodeError.TooLarge);
            position = RunBlock(ref transcoder, transcoder.WriteLong(count, position), count);
            if (position < 0)
                return position;
            if (end >= 0 && position != end)
                return AvroReader.Fail(DecodeError.BadBlock);
        }
    }

    private int RunBlock(ref Transcoder transcoder, int position, int count)
    {
        for (var i = 0; i < count && position >= 0; i++)
        {
            if (hasKeys)
                position = transcoder.Copy(position, transcoder.Reader.ReadString(position, out _));
            if (position >= 0)
                position = item.Run(ref transcoder, position);
        }
        return position;
    }
}
